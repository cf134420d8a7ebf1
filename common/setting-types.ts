import { z } from 'zod';

/** A TCP port; 0 lets the system pick a free one. */
export const port = z.int().min(0).max(65_535);

/** A whole number of milliseconds within bounds. */
export function milliseconds(min: number, max: number): z.ZodNumber {
  return z.int().min(min).max(max);
}

/** A whole number within bounds. */
export function count(min: number, max: number): z.ZodNumber {
  return z.int().min(min).max(max);
}

/** A list, also written with commas in an environment variable: `a,b`. */
export function list(item: z.ZodType<string>): z.ZodType<string[]> {
  const split = (value: unknown): unknown =>
    typeof value === 'string'
      ? value
          .split(',')
          .map((part) => part.trim())
          .filter((part) => part !== '')
      : value;
  return z.preprocess(split, z.array(item).max(1000)) as unknown as z.ZodType<string[]>;
}

/** Path of a file or folder. */
export const filePath = z.string().min(1);

export const logLevel = z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']);

/** Host that a listener binds to. The default keeps it on this machine. */
export const listenHost = z.string().min(1).default('127.0.0.1');

/** `host:port` of a gRPC server. */
export const grpcAddress = z
  .string()
  .regex(/^(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5}$/, 'must be host:port');
