import { type Logger, pino } from 'pino';

export type { Logger };

/** Field names whose values never reach a log line, at any depth up to three. */
const secretFields = [
  'authorization',
  'cookie',
  'password',
  'secret',
  'token',
  'apiKey',
  'value',
  'key',
];

/** A JSON logger on standard output; `name` says which process or part speaks. */
export function createLogger(name: string, level: string): Logger {
  return pino({
    name,
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
      censor: '[redacted]',
    },
  });
}
