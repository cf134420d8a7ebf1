/** Hints about a tool (MCP 2026-07-28, `ToolAnnotations`). */
export interface ToolHints {
  readonly title: string | null;
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

/** The same, as far as a server says. */
export type ClaimedHints = {
  readonly [Name in keyof ToolHints]: ToolHints[Name] | null;
};

/** What a server claims of a tool in its definition. What has another type than it should says nothing. */
export function claimedHints(definition: Readonly<Record<string, unknown>>): ClaimedHints {
  const { annotations } = definition;
  const members = (typeof annotations === 'object' ? annotations : null) ?? {};
  const of = members as Readonly<Record<string, unknown>>;
  const hint = (name: string) => {
    const value = of[name];
    return typeof value === 'boolean' ? value : null;
  };
  return {
    title: typeof of['title'] === 'string' ? of['title'] : null,
    readOnlyHint: hint('readOnlyHint'),
    destructiveHint: hint('destructiveHint'),
    idempotentHint: hint('idempotentHint'),
    openWorldHint: hint('openWorldHint'),
  };
}

/**
 * What counts: what the approved definition says, and where it says nothing, or none is approved, the
 * specification's cautious defaults.
 */
export function effectiveHints(approved: Readonly<Record<string, unknown>> | null): ToolHints {
  const claimed = claimedHints(approved ?? {});
  return {
    title: claimed.title,
    readOnlyHint: claimed.readOnlyHint ?? false,
    destructiveHint: claimed.destructiveHint ?? true,
    idempotentHint: claimed.idempotentHint ?? false,
    openWorldHint: claimed.openWorldHint ?? true,
  };
}
