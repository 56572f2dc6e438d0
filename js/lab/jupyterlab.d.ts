// What of JupyterLab's and Lumino's packages is used here, and no more. The packages themselves are
// the page's own at run time, and their types would be 450 MB of a fresh clone; the browser tests
// hold these lines against the real ones.

declare module "@lumino/signaling" {
  export interface ISignal<T, U> {
    connect(slot: (sender: T, args: U) => void): boolean;
    disconnect(slot: (sender: T, args: U) => void): boolean;
  }
  export class Signal<T, U> implements ISignal<T, U> {
    constructor(sender: T);
    connect(slot: (sender: T, args: U) => void): boolean;
    disconnect(slot: (sender: T, args: U) => void): boolean;
    emit(args: U): void;
  }
}

declare module "@lumino/coreutils" {
  export class Token<T> {
    constructor(name: string, description?: string);
    readonly name: string;
    /** Never there: it ties the token to its type. */
    readonly _tokenStructuralPropertyT: T;
  }
}

declare module "@lumino/disposable" {
  export interface IDisposable {
    readonly isDisposed: boolean;
    dispose(): void;
  }
}

declare module "@lumino/messaging" {
  export class Message {
    readonly type: string;
  }
}

declare module "@lumino/commands" {
  export interface Options {
    label?: string | ((args: Record<string, unknown>) => string);
    caption?: string;
    icon?: unknown;
    isEnabled?: (args: Record<string, unknown>) => boolean;
    isVisible?: (args: Record<string, unknown>) => boolean;
    execute: (args: Record<string, unknown>) => unknown;
    describedBy?: unknown;
  }
  export class CommandRegistry {
    addCommand(id: string, options: Options): import("@lumino/disposable").IDisposable;
    execute(id: string, args?: Record<string, unknown>): Promise<unknown>;
    hasCommand(id: string): boolean;
    notifyCommandChanged(id?: string): void;
  }
}

declare module "@lumino/widgets" {
  import type { IDisposable } from "@lumino/disposable";
  import type { Message } from "@lumino/messaging";
  import type { ISignal } from "@lumino/signaling";

  export interface Title {
    label: string;
    caption: string;
    icon: unknown;
    closable: boolean;
  }
  export class Widget implements IDisposable {
    constructor(options?: { node?: HTMLElement });
    id: string;
    readonly node: HTMLElement;
    readonly title: Title;
    readonly isDisposed: boolean;
    readonly isVisible: boolean;
    readonly isAttached: boolean;
    readonly disposed: ISignal<this, void>;
    dispose(): void;
    addClass(name: string): void;
    protected onAfterShow(message: Message): void;
    protected onAfterAttach(message: Message): void;
    protected onAfterHide(message: Message): void;
    static attach(widget: Widget, host: HTMLElement): void;
  }
  export class Panel extends Widget {
    addWidget(widget: Widget): void;
  }
}

declare module "@jupyterlab/coreutils" {
  export const PageConfig: { getOption(name: string): string };
  export const URLExt: { join(...parts: string[]): string };
  export const PathExt: {
    basename(path: string, ext?: string): string;
    dirname(path: string): string;
    join(...parts: string[]): string;
  };
}

declare module "@jupyterlab/services" {
  import type { IDisposable } from "@lumino/disposable";
  import type { ISignal } from "@lumino/signaling";

  export namespace ServerConnection {
    interface ISettings {
      readonly baseUrl: string;
      readonly token: string;
      readonly appendToken: boolean;
    }
    function makeSettings(): ISettings;
    function makeRequest(url: string, init: RequestInit, settings: ISettings): Promise<Response>;
  }
  export namespace KernelMessage {
    interface IIOPubMessage {
      header: { msg_type: string };
      content: Record<string, unknown>;
    }
  }
  export namespace Kernel {
    interface IFuture {
      onIOPub: (message: KernelMessage.IIOPubMessage) => void;
      readonly done: Promise<unknown>;
    }
    interface IKernelConnection extends IDisposable {
      readonly id: string;
      readonly status: string;
      requestExecute(content: { code: string; silent?: boolean; store_history?: boolean }): IFuture;
    }
  }
  export namespace Session {
    interface ISessionConnection {
      readonly id: string;
      readonly path: string;
      readonly kernel: Kernel.IKernelConnection | null;
    }
    interface IManager {
      shutdown(id: string): Promise<void>;
    }
  }
  export namespace Contents {
    interface IModel {
      path: string;
      name: string;
      type: string;
      content: unknown;
    }
    interface IManager {
      newUntitled(options: { path: string; type: string; ext?: string }): Promise<IModel>;
      save(path: string, options: Partial<IModel> & { format: string }): Promise<IModel>;
    }
  }
  export namespace ServiceManager {
    interface IManager {
      readonly serverSettings: ServerConnection.ISettings;
      readonly contents: Contents.IManager;
      readonly sessions: Session.IManager & { readonly runningChanged: ISignal<unknown, unknown> };
      readonly kernels: unknown;
      readonly kernelspecs: {
        readonly ready: Promise<void>;
        readonly specs: { readonly default: string } | null;
      };
    }
  }
}

declare module "@jupyterlab/application" {
  import type { DocumentRegistry } from "@jupyterlab/docregistry";
  import type { ServiceManager } from "@jupyterlab/services";
  import type { CommandRegistry } from "@lumino/commands";
  import type { Token } from "@lumino/coreutils";
  import type { IDisposable } from "@lumino/disposable";
  import type { ISignal } from "@lumino/signaling";
  import type { Widget } from "@lumino/widgets";

  export interface Shell {
    add(widget: Widget, area: string, options?: Record<string, unknown>): void;
    activateById(id: string): void;
    readonly currentWidget: Widget | null;
    readonly currentChanged?: ISignal<Shell, unknown>;
    widgets(area?: string): Iterable<Widget>;
    expandRight?(): void;
  }
  export interface JupyterFrontEnd {
    readonly commands: CommandRegistry;
    readonly shell: Shell;
    readonly serviceManager: ServiceManager.IManager;
    readonly docRegistry: DocumentRegistry;
    readonly restored: Promise<void>;
    readonly started: Promise<void>;
    contextMenu: {
      addItem(item: { command: string; selector: string; rank?: number }): IDisposable;
    };
  }
  export interface JupyterFrontEndPlugin<T> {
    id: string;
    description?: string;
    autoStart?: boolean;
    requires?: Token<unknown>[];
    optional?: Token<unknown>[];
    provides?: Token<T>;
    // biome-ignore lint/suspicious/noExplicitAny: services come in the order of the tokens
    activate: (app: JupyterFrontEnd, ...services: any[]) => T | Promise<T>;
  }
  export interface ILayoutRestorer {
    add(widget: Widget, name: string): void;
    restore(
      tracker: unknown,
      options: {
        command: string;
        args: (widget: never) => Record<string, unknown>;
        name: (widget: never) => string;
      },
    ): Promise<void>;
  }
  export const ILayoutRestorer: Token<ILayoutRestorer>;
}

declare module "@jupyterlab/apputils" {
  import type { Session } from "@jupyterlab/services";
  import type { Token } from "@lumino/coreutils";
  import type { IDisposable } from "@lumino/disposable";
  import type { ISignal } from "@lumino/signaling";
  import type { Widget } from "@lumino/widgets";

  export interface ICommandPalette {
    addItem(item: { command: string; category: string }): IDisposable;
  }
  export const ICommandPalette: Token<ICommandPalette>;
  export class MainAreaWidget<T extends Widget = Widget> extends Widget {
    constructor(options: { content: T });
    readonly content: T;
    readonly toolbar: { addItem(name: string, widget: Widget): boolean };
  }
  export class WidgetTracker<T extends Widget = Widget> {
    constructor(options: { namespace: string });
    add(widget: T): Promise<void>;
    save(widget: T): Promise<void>;
    readonly currentWidget: T | null;
    find(test: (widget: T) => boolean): T | undefined;
  }
  export class ToolbarButton extends Widget {
    constructor(options: Record<string, unknown>);
  }
  export class SessionContext {
    constructor(options: Record<string, unknown>);
    readonly session: Session.ISessionConnection | null;
    readonly ready: Promise<void>;
    readonly statusChanged: ISignal<unknown, string>;
    readonly kernelChanged: ISignal<unknown, unknown>;
    readonly isDisposed: boolean;
    initialize(): Promise<boolean>;
    restartKernel(): Promise<void>;
    shutdown(): Promise<void>;
    dispose(): void;
  }
  export const InputDialog: {
    getText(options: Record<string, unknown>): Promise<{ value: string | null }>;
    getItem(options: Record<string, unknown>): Promise<{ value: string | null }>;
  };
  export const Dialog: {
    warnButton(options: { label: string }): unknown;
    cancelButton(options?: { label: string }): unknown;
  };
  export function showDialog(
    options: Record<string, unknown>,
  ): Promise<{ button: { accept: boolean } }>;
  export function showErrorMessage(title: string, error: string): Promise<void>;
  export const Notification: {
    emit(message: string, type: string, options?: Record<string, unknown>): string;
    update(options: Record<string, unknown>): boolean;
    dismiss(id: string): void;
    error(message: string, options?: Record<string, unknown>): string;
  };
}

declare module "@jupyterlab/ui-components" {
  export class LabIcon {
    constructor(options: { name: string; svgstr: string });
  }
}

declare module "@jupyterlab/settingregistry" {
  import type { Token } from "@lumino/coreutils";
  import type { ISignal } from "@lumino/signaling";
  export namespace ISettingRegistry {
    interface ISettings {
      readonly composite: Record<string, unknown>;
      readonly changed: ISignal<ISettings, void>;
    }
  }
  export interface ISettingRegistry {
    load(plugin: string): Promise<ISettingRegistry.ISettings>;
  }
  export const ISettingRegistry: Token<ISettingRegistry>;
}

declare module "@jupyterlab/launcher" {
  import type { Token } from "@lumino/coreutils";
  export interface ILauncher {
    add(item: { command: string; category?: string; rank?: number }): unknown;
  }
  export const ILauncher: Token<ILauncher>;
}

declare module "@jupyterlab/statusbar" {
  import type { Token } from "@lumino/coreutils";
  import type { ISignal } from "@lumino/signaling";
  import type { Widget } from "@lumino/widgets";
  export interface IStatusBar {
    registerStatusItem(
      id: string,
      item: {
        item: Widget;
        align?: string;
        rank?: number;
        isActive?: () => boolean;
        activeStateChanged?: ISignal<unknown, void>;
      },
    ): unknown;
  }
  export const IStatusBar: Token<IStatusBar>;
}

declare module "@jupyterlab/notebook" {
  import type { SessionContext } from "@jupyterlab/apputils";
  import type { Token } from "@lumino/coreutils";
  import type { ISignal } from "@lumino/signaling";
  import type { Widget } from "@lumino/widgets";
  export interface Cell extends Widget {
    readonly model: { readonly type: string; readonly id: string };
    cloneOutputArea?(): Widget;
  }
  export interface NotebookPanel extends Widget {
    readonly context: { readonly path: string; readonly ready: Promise<void> };
    readonly sessionContext: SessionContext;
    readonly content: Widget & {
      readonly widgets: readonly Cell[];
      readonly activeCell: Cell | null;
      activeCellIndex: number;
      scrollToCell(cell: Cell, align?: string): Promise<void>;
    };
  }
  export interface INotebookTracker {
    readonly currentWidget: NotebookPanel | null;
    readonly activeCell: Cell | null;
    readonly currentChanged: ISignal<unknown, NotebookPanel | null>;
    readonly activeCellChanged: ISignal<unknown, Cell | null>;
    readonly widgetAdded: ISignal<unknown, NotebookPanel>;
  }
  export const INotebookTracker: Token<INotebookTracker>;
}

declare module "@jupyterlab/rendermime" {
  import type { Token } from "@lumino/coreutils";
  import type { Widget } from "@lumino/widgets";
  export interface IRenderMimeRegistry {
    clone(): IRenderMimeRegistry;
    createRenderer(mimeType: string): Widget & { renderModel(model: MimeModel): Promise<void> };
  }
  export const IRenderMimeRegistry: Token<IRenderMimeRegistry>;
  export class MimeModel {
    constructor(options: { data: Record<string, unknown>; trusted?: boolean });
  }
}

declare module "@jupyterlab/docregistry" {
  import { MainAreaWidget } from "@jupyterlab/apputils";
  import type { ISignal } from "@lumino/signaling";
  import type { Widget } from "@lumino/widgets";
  export interface DocumentModel {
    toString(): string;
    fromString(value: string): void;
    dirty: boolean;
    readonly readOnly: boolean;
    readonly contentChanged: ISignal<unknown, void>;
  }
  export interface DocumentContext {
    readonly path: string;
    readonly ready: Promise<void>;
    readonly model: DocumentModel;
    readonly saveState: ISignal<unknown, string>;
    readonly pathChanged: ISignal<unknown, string>;
    readonly urlResolver: unknown;
    save(): Promise<void>;
  }
  export interface DocumentRegistry {
    addFileType(type: Record<string, unknown>): unknown;
    addWidgetFactory(factory: unknown): unknown;
  }
  export class DocumentWidget<T extends Widget = Widget> extends MainAreaWidget<T> {
    constructor(options: { content: T; context: DocumentContext });
    readonly context: DocumentContext;
  }
  export abstract class ABCWidgetFactory<T extends Widget> {
    constructor(options: Record<string, unknown>);
    readonly widgetCreated: ISignal<this, T>;
    protected abstract createNewWidget(context: DocumentContext): T;
  }
}
