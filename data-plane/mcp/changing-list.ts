/** A list of a server's whose change can be announced. */
export type ChangingList = 'tools' | 'prompts' | 'resources';

export const changingLists: readonly ChangingList[] = ['tools', 'prompts', 'resources'];

/** Notification by which a server says that a list is another one. */
export function listChangedMethod(list: ChangingList): string {
  return `notifications/${list}/list_changed`;
}
