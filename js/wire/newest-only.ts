// Wishes that come faster than they are answered (a slider): while one is asked for, only the newest
// of the later ones waits.

export function newestOnly<T>(ask: (wish: T) => Promise<unknown>): (wish: T) => void {
  let asking = false;
  let waiting: { wish: T } | null = null;
  const send = (wish: T): void => {
    if (asking) {
      waiting = { wish };
      return;
    }
    asking = true;
    void ask(wish).finally(() => {
      asking = false;
      const next = waiting;
      waiting = null;
      if (next) send(next.wish);
    });
  };
  return send;
}
