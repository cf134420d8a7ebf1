/** What a process tells the one that started it, once it serves. */
export interface ReadyMessage {
  readonly type: 'ready';
  /** Addresses with their real ports, by name. */
  readonly addresses: Readonly<Record<string, string>>;
}

/** Tells a parent that started this process with an IPC channel that it serves, and where. */
export function announceReady(addresses: Readonly<Record<string, string>>): void {
  const message: ReadyMessage = { type: 'ready', addresses };
  process.send?.(message);
}

/** Whether an IPC message is a `ReadyMessage`. */
export function isReadyMessage(message: unknown): message is ReadyMessage {
  return (
    typeof message === 'object' && message !== null && 'type' in message && message.type === 'ready'
  );
}
