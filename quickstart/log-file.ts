import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';

/** A process's log file, open for it to append to. */
export interface LogFile {
  readonly descriptor: number;
  /** Its length when it was opened. */
  readonly startBytes: number;
}

/** Opens a log file for its owner only. */
export function openLogFile(file: string): LogFile {
  const descriptor = openSync(file, 'a', 0o600);
  return { descriptor, startBytes: fstatSync(descriptor).size };
}

/** Closes it here; the process that writes to it has it still. */
export function closeLogFile({ descriptor }: LogFile): void {
  closeSync(descriptor);
}

/** The last lines of a log file from `startBytes` on, at most `linesMax`. */
export function lastLines(file: string, startBytes: number, linesMax: number): string {
  const text = readFileSync(file).subarray(startBytes).toString('utf8').trimEnd();
  return text.split('\n').slice(-linesMax).join('\n');
}
