import type { McpServer, ServerNotifier } from '@modelcontextprotocol/server';

/** A legacy session, as far as changes concern it. */
export interface LegacyListener {
  readonly server: McpServer;
  /** URIs that this session subscribed to with `resources/subscribe`. */
  readonly subscribedUris: Set<string>;
}

/**
 * Spreads a change to every client that listens: legacy sessions over their GET stream, modern clients
 * over `subscriptions/listen`. One call changes the list for all, so that a test can have one client
 * cause what another one sees.
 */
export class ChangeHub {
  readonly #listeners = new Set<LegacyListener>();
  #modern: ServerNotifier | undefined;

  /** The modern side's publisher; it exists only after the handler that needs this hub. */
  attachModern(notifier: ServerNotifier): void {
    this.#modern = notifier;
  }

  add(listener: LegacyListener): void {
    this.#listeners.add(listener);
  }

  remove(listener: LegacyListener): void {
    this.#listeners.delete(listener);
  }

  toolsChanged(): void {
    for (const { server } of this.#listeners) server.sendToolListChanged();
    this.#modern?.toolsChanged();
  }

  promptsChanged(): void {
    for (const { server } of this.#listeners) server.sendPromptListChanged();
    this.#modern?.promptsChanged();
  }

  /** Resolves once the notification stands on every legacy stream. */
  async resourceUpdated(uri: string): Promise<void> {
    this.#modern?.resourceUpdated(uri);
    const watching = [...this.#listeners].filter(({ subscribedUris }) => subscribedUris.has(uri));
    await Promise.all(watching.map(({ server }) => server.server.sendResourceUpdated({ uri })));
  }
}
