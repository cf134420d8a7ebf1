/** Tasks whose tool is remembered. */
const tasksMax = 10_000;

/** A task of a caller at a server. */
export interface CallersTask {
  readonly subject: string;
  readonly serverId: string;
  /** The upstream's own id. */
  readonly taskId: string;
}

function keyOf({ subject, serverId, taskId }: CallersTask): string {
  return JSON.stringify([serverId, subject, taskId]);
}

/**
 * Which tool's call made a task, for streams that speak of a task without saying it: its id has to read there as
 * the client knows it, and the tool is part of that. The ids themselves are what decisions go by, so that
 * nothing but a notification suffers when the longest unused is forgotten, or another node knows it.
 */
export class TaskTools {
  readonly #tools = new Map<string, string>();

  remember(task: CallersTask, tool: string): void {
    const key = keyOf(task);
    this.#tools.delete(key);
    this.#tools.set(key, tool);
    const oldest = this.#tools.keys().next().value;
    if (this.#tools.size > tasksMax && oldest !== undefined) this.#tools.delete(oldest);
  }

  /** Empty: not known here. */
  find(task: CallersTask): string {
    return this.#tools.get(keyOf(task)) ?? '';
  }
}
