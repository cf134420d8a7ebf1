// Loaded before a demo MCP server (`node --import`). The demo servers listen on every interface and know
// nothing of the quickstart; this keeps them on loopback, announces their port, and ends them with it. A
// bridge ends with the server that it bridges, to be started again: left alone it would fail every call.
import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import { type AddressInfo, Server } from 'node:net';
import { announceReady } from '../common/parent-channel.ts';

type Listen = (this: Server, ...args: unknown[]) => Server;
const listen = Server.prototype.listen as unknown as Listen;

Server.prototype.listen = function listenOnLoopback(this: Server, ...args: unknown[]): Server {
  const callback = args.find((arg) => typeof arg === 'function');
  const first = args[0];
  const port = typeof first === 'object' && first !== null ? Reflect.get(first, 'port') : first;
  this.once('listening', () => {
    const { port: bound } = this.address() as AddressInfo;
    announceReady({ port: String(bound) });
  });
  return listen.call(this, { port: Number(port ?? 0), host: '127.0.0.1' }, callback);
} as typeof Server.prototype.listen;

type Spawn = (...args: unknown[]) => childProcess.ChildProcess;
const spawn = childProcess.spawn as unknown as Spawn;

childProcess.spawn = function spawnForLife(...args: unknown[]) {
  return spawn(...args).once('exit', () => process.kill(process.pid, 'SIGTERM'));
} as unknown as typeof childProcess.spawn;
syncBuiltinESMExports();

process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref();
