// The text of an open recipe, kept in step with its session. In: word that the session has changed,
// that somebody else has changed the text, or that a save has begun or ended. Out: the kernel's newest
// text in the document, once per pause, and saved with every save. Two saves are never under way at a
// time: the second would take the first one's file for a stranger's. A text that others have changed is
// never written over: a person decides.

import type { DocumentContext } from "@jupyterlab/docregistry";
import type { Answer } from "./recipe-kernel";

const PAUSE_MS = 400;

export class RecipeText {
  #timer: ReturnType<typeof setTimeout> | null = null;
  #underway: Promise<void> | null = null;
  #again = false;
  /** The text that the session is known by; null while there is no session. */
  #ours: string | null = null;
  /** What the save that is under way writes; null while there is none, or none of ours. */
  #sent: string | null = null;
  #isSecond = false;

  constructor(
    private readonly context: {
      readonly model: Pick<
        DocumentContext["model"],
        "toString" | "fromString" | "readOnly" | "dirty"
      >;
      save(): Promise<void>;
    },
    private readonly publish: () => Promise<Answer>,
    private readonly onForeign: () => void,
    private readonly onTrouble: (error: unknown) => void,
  ) {}

  /** The session is what the text of now says; or it is newer, and the text may be written over. */
  agreed(): void {
    this.#ours = this.context.model.toString();
  }

  /** There is no session: what is in the document stays as it is. */
  parted(): void {
    this.stop();
    this.#ours = null;
  }

  /** The session is another one than it was. */
  changed(): void {
    if (this.#ours === null || this.context.model.readOnly) return;
    this.stop();
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#take();
    }, PAUSE_MS);
  }

  /** The text of the document has changed: by us, or by an editor, or by what is on the disk. */
  textChanged(): void {
    if (this.#isForeign()) this.onForeign();
  }

  /** A save has begun: with the text of now, while the kernel is asked what the session is by now. */
  saving(): void {
    this.#sent = null;
    if (this.#ours === null || this.#isForeign() || this.context.model.readOnly) return;
    this.#sent = this.#ours;
    this.stop();
    if (!this.#isSecond) void this.#take();
  }

  /** A save has ended well: what the session has become during it is saved once more. */
  async saved(): Promise<void> {
    const sent = this.#sent;
    this.#sent = null;
    if (sent === null) return;
    await this.#underway;
    if (this.#sent !== null) return; // somebody saves again already: its end comes here too
    if (this.#ours === sent || this.#ours === null || this.#isForeign()) return;
    this.context.model.dirty = true; // the end of the save has called the newer text saved
    if (this.#isSecond) return;
    this.#isSecond = true;
    try {
      await this.context.save();
    } catch {
      // whoever saves shows in a dialog why it could not, or that a person would not
    } finally {
      this.#isSecond = false;
    }
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #isForeign(): boolean {
    return this.#ours !== null && this.context.model.toString() !== this.#ours;
  }

  /** Those who ask while it is under way get one more round between them. */
  #take(): Promise<void> {
    if (this.#underway) {
      this.#again = true;
      return this.#underway;
    }
    this.#underway = this.#fetch().finally(() => {
      this.#underway = null;
    });
    return this.#underway;
  }

  async #fetch(): Promise<void> {
    do {
      this.#again = false;
      try {
        const { text } = await this.publish();
        if (this.#isForeign()) this.onForeign();
        else if (text !== undefined && text !== this.#ours && this.#ours !== null) {
          this.#ours = text;
          this.context.model.fromString(text);
          this.context.model.dirty = true; // a text that is set is as good as stored, otherwise
        }
      } catch (error) {
        this.onTrouble(error);
      }
    } while (this.#again);
  }
}
