/** W3C trace id of a `traceparent` header, or undefined when the header is none (Trace Context, 3.2). */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  if (traceparent === undefined) return undefined;
  const match = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-|$)/.exec(
    traceparent,
  );
  const [, traceId, parentId] = match ?? [];
  if (traceId === undefined || /^0+$/.test(traceId) || /^0+$/.test(parentId ?? ''))
    return undefined;
  return traceId;
}
