/** Bytes of every request's body: a tools/call as agents send it, and as stack figures are quoted for. */
export const requestBytes = 110;

const idWidth = 9;
const head = '{"jsonrpc":"2.0","id":';
const middle = ',"method":"tools/call","params":{"name":"echo","arguments":{"m":"';
const tail = '"}}}';
const padding = 'x'.repeat(requestBytes - head.length - idWidth - middle.length - tail.length);
const rest = middle + padding + tail;

/** The n-th call: exactly `requestBytes` long, with an id of its own, so that a mixed-up answer shows. */
export function requestBody(n: number): string {
  return `${head}${1e8 + n}${rest}`;
}

/** The id of a request's body, by its place; undefined when the body is none of ours. */
export function requestId(body: string): string | undefined {
  if (body.length !== requestBytes || !body.startsWith(head) || !body.endsWith(rest))
    return undefined;
  return body.slice(head.length, head.length + idWidth);
}

/** What the upstream answers to the call with this id. */
export function answerBody(id: string | number): string {
  return `{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":"ok"}]}}`;
}

/** What the n-th call must be answered with. */
export function expectedAnswer(n: number): string {
  return answerBody(1e8 + n);
}
