import { parseArgs } from 'node:util';
import { startReferenceUpstream } from './reference-upstream.ts';

/**
 * Runs the reference upstream as a process of its own: `node main.ts [--port 0]`. Prints one JSON line
 * with its URL, and ends on SIGTERM, SIGINT or when its standard input closes, so that it never outlives
 * the process that started it.
 */
const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } });
const upstream = await startReferenceUpstream(Number(values.port));
console.log(JSON.stringify({ url: upstream.url }));

async function end(): Promise<void> {
  await upstream.close();
  process.exit(0);
}
process.once('SIGTERM', () => void end());
process.once('SIGINT', () => void end());
process.stdin.once('end', () => void end());
process.stdin.resume();
