import { type Command, runCommand, UsageError, usage } from './command-line.ts';
import { SettingsError } from './settings.ts';

/**
 * Runs one of a program's commands and sets the exit status: 0 done, 1 failed, 2 called wrongly or with
 * wrong settings. What an operator can mend is said in one sentence, without a stack trace.
 */
export async function runProgram(
  program: string,
  commands: ReadonlyMap<string, Command>,
  args: readonly string[],
): Promise<void> {
  if (args.includes('--help') || args[0] === 'help') {
    process.stdout.write(usage(program, commands));
    return;
  }
  try {
    await runCommand(commands, args);
  } catch (error) {
    process.exitCode = error instanceof UsageError || error instanceof SettingsError ? 2 : 1;
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    if (error instanceof UsageError) process.stderr.write(usage(program, commands));
  }
}

/** Resolves with the first signal that asks this process to end in order. */
export function endSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => resolve(signal));
    }
  });
}
