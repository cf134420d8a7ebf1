import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

/** One command of a program: `control-plane migrate`. */
export interface Command {
  readonly summary: string;
  readonly options: ParseArgsOptionsConfig;
  /** Options that must be given. */
  readonly required: readonly string[];
  run(options: Readonly<Record<string, string>>): Promise<void>;
}

/** A wrong invocation: the message says what was wrong, and usage follows. */
export class UsageError extends Error {}

/** What the program prints for `--help`. */
export function usage(program: string, commands: ReadonlyMap<string, Command>): string {
  const lines = [...commands].map(([name, { summary, options }]) => {
    const flags = Object.keys(options).map((option) => ` --${option} …`);
    return `  ${program} ${name}${flags.join('')}\n      ${summary}\n`;
  });
  return `Usage:\n${lines.join('')}`;
}

/**
 * Runs the command that the arguments name.
 * @throws {UsageError} when there is no such command, or its options are wrong.
 */
export async function runCommand(
  commands: ReadonlyMap<string, Command>,
  args: readonly string[],
): Promise<void> {
  const [name, ...rest] = args;
  const command = commands.get(name ?? '');
  if (command === undefined) {
    throw new UsageError(name === undefined ? 'No command given.' : `Unknown command "${name}".`);
  }
  const options = parseOptions(command, rest);
  const missing = command.required.filter((option) => options[option] === undefined);
  if (missing.length > 0) {
    throw new UsageError(`Missing ${missing.map((option) => `--${option}`).join(', ')}.`);
  }
  await command.run(options);
}

function parseOptions(command: Command, args: readonly string[]): Record<string, string> {
  try {
    const { values } = parseArgs({ args: [...args], options: command.options, strict: true });
    return values as Record<string, string>;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
