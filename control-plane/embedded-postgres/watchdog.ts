import { type ChildProcess, spawn } from 'node:child_process';
import type { ServerAccount } from './server-account.ts';

/**
 * Runs a server and ends it when its own standard input ends, which the kernel sees to however the parent
 * dies. First a fast shutdown, which loses nothing; then harder, when that takes too long. A shell,
 * because it starts in a millisecond and keeps 1 MB. It is the server's parent, so that the process id
 * that it signals can't be anybody else's.
 *
 * $1: folder of the socket, removed at the end; then the command.
 */
const script = `
socket_directory=$1; shift
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
(
  read -r _ <&3
  exec 3<&-
  kill -INT $server
  rounds=0
  while [ $rounds -lt 100 ]; do sleep 0.1; kill -0 $server 2>/dev/null || exit; rounds=$((rounds + 1)); done
  kill -QUIT $server; sleep 2
  kill -KILL $server
) 2>/dev/null &
keeper=$!
exec 3<&-
wait $server
status=$?
kill $keeper 2>/dev/null
rm -f "$socket_directory"/.s.PGSQL.*
rmdir "$socket_directory" 2>/dev/null
exit $status
`;

export interface GuardedCommand {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly socketDirectory: string;
  readonly account: ServerAccount | undefined;
}

/**
 * Starts a command under the watchdog, in a session of its own: Ctrl-C in a terminal reaches it through
 * us, in order. Closing the returned process's standard input ends it; its standard error can be read.
 */
export function spawnGuarded(guarded: GuardedCommand): ChildProcess {
  return spawn(
    '/bin/sh',
    [
      '-c',
      script,
      'mcpgw-watchdog',
      guarded.socketDirectory,
      guarded.command,
      ...guarded.arguments,
    ],
    {
      // The parent's own folder may be one that the server's user can't enter.
      cwd: '/',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['pipe', 'ignore', 'pipe'],
      detached: true,
      ...(guarded.account ?? {}),
    },
  );
}
