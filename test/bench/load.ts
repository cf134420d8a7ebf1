import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expectedAnswer, requestBody, requestBytes } from './bench-message.ts';
import { HttpAnswers } from './http-answers.ts';

export interface LoadTarget {
  readonly url: string;
  /** Undefined: no credential is sent. */
  readonly apiKey: string | undefined;
}

export interface LoadResult {
  readonly calls: number;
  readonly wallMs: number;
  /** Of every call, in microseconds, ascending. */
  readonly latenciesUs: Float64Array;
}

/** Bound on one load, in milliseconds. */
const loadTimeoutMs = 60_000;

let callsMade = 0;

/**
 * Makes a fixed number of calls over `connections` keep-alive connections, each with one call in flight,
 * and checks every answer, status, id and text. Rejects on the first wrong one: a figure of a run with
 * errors is none.
 */
export async function runLoad(
  target: LoadTarget,
  calls: number,
  connections: number,
): Promise<LoadResult> {
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(target.url)));
  const latenciesUs = new Float64Array(calls);
  const { promise: failed, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`The load took ${loadTimeoutMs} ms.`)),
    loadTimeoutMs,
  );
  let begun = 0;
  const head = requestHead(target);
  try {
    const startedAt = process.hrtime.bigint();
    const drive = (socket: Socket) =>
      driveSocket(socket, head, () => (begun < calls ? begun++ : undefined), latenciesUs);
    await Promise.race([Promise.all(sockets.map(drive)), failed]);
    const wallMs = Number(process.hrtime.bigint() - startedAt) / 1e6;
    return { calls, wallMs, latenciesUs: latenciesUs.sort() };
  } catch (error) {
    throw new Error(`The load on ${target.url} failed.`, { cause: error });
  } finally {
    clearTimeout(timer);
    for (const socket of sockets) socket.destroy();
  }
}

async function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  return socket.setEncoding('latin1');
}

function requestHead({ url, apiKey }: LoadTarget): string {
  const { host, pathname } = new URL(url);
  return [
    `POST ${pathname} HTTP/1.1`,
    `Host: ${host}`,
    ...(apiKey === undefined ? [] : [`Authorization: Bearer ${apiKey}`]),
    'Accept: application/json, text/event-stream',
    'Content-Type: application/json',
    'MCP-Protocol-Version: 2025-11-25',
    `Content-Length: ${requestBytes}`,
    '\r\n',
  ].join('\r\n');
}

/** Makes calls on one connection until `next` has no more. */
function driveSocket(
  socket: Socket,
  head: string,
  next: () => number | undefined,
  latenciesUs: Float64Array,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const answers = new HttpAnswers();
  let call = 0;
  let slot = 0;
  let sentAt = 0;
  const send = () => {
    const taken = next();
    if (taken === undefined) return resolve();
    slot = taken;
    call = callsMade++;
    sentAt = performance.now();
    socket.write(head + requestBody(call));
  };
  socket.on('data', (chunk: string) => {
    try {
      const answer = answers.push(chunk);
      if (!answer) return;
      latenciesUs[slot] = (performance.now() - sentAt) * 1000;
      if (answer.status !== 200 || answer.body !== expectedAnswer(call)) {
        throw new Error(`Call ${call} was answered with ${answer.status} ${answer.body}`);
      }
      send();
    } catch (error) {
      reject(error);
    }
  });
  const broken = (what: string) =>
    reject(new Error(`A connection ${what} at call ${slot} of the load.`));
  socket.on('error', (error) => broken(`failed (${error.message})`));
  socket.on('close', () => broken('was closed'));
  send();
  return promise;
}
