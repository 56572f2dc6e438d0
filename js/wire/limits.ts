// How much may cross the wire, and how long to wait for it. The sizes mirror
// mechwidget/wire/limits.py; a Python test compares the two.

/** The most binary data in one answer, all chunks together. */
export const MAX_ANSWER_BYTES = 64 * 2 ** 20;

/** The most that one message to the kernel may hold: it refuses more. */
export const MAX_OUTGOING_BYTES = 1_000_000;

/** The most axes of a frame. */
export const MAX_RANK = 4;

/** The most frames in one answer. */
export const MAX_FRAMES = 64;

/** Without a sign of life for this long after a message, the kernel counts as gone. */
export const SILENCE_MS = 5_000;

/** How often a visible page asks a silent kernel for a sign of life. */
export const HEARTBEAT_MS = 5_000;

/** The longest pause between two questions to a kernel that does not answer. */
export const MAX_BACKOFF_MS = 60_000;
