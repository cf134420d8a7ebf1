import { type AddressInfo, Server } from 'node:net';

/**
 * Preloaded (`node --import`) into servers of others that only know fixed ports on all interfaces: whatever
 * they ask for, they listen on a free port of loopback, and the first line `{"port": n}` says which. So
 * tests run side by side, and nothing is reachable from outside.
 */
const listen = Server.prototype.listen;

Server.prototype.listen = function listenOnLoopback(this: Server, ...args: unknown[]): Server {
  const callback = args.find((argument): argument is () => void => typeof argument === 'function');
  this.once('listening', () => {
    process.stdout.write(`${JSON.stringify({ port: (this.address() as AddressInfo).port })}\n`);
    callback?.();
  });
  return listen.call(this, { host: '127.0.0.1', port: 0 });
};
