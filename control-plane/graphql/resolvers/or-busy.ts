import { PasswordWorkExhausted } from '../../identity/password-desk.ts';
import { ApiError } from '../errors.ts';

/** Hashing a password is the costliest thing that a request can ask for: one or two fit into a request. */
export const passwordCost = 2000;

/** The error for a caller whose password there is no room to hash now. @throws {ApiError} BUSY */
export async function orBusy<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof PasswordWorkExhausted ? new ApiError('BUSY') : error;
  }
}

/** The error for who has to wait after failed attempts. */
export function tooManyAttempts(retryAfterMs: number): ApiError {
  const retryAfterSeconds = Math.ceil(retryAfterMs / 1000);
  return new ApiError('TOO_MANY_ATTEMPTS', undefined, { retryAfterSeconds });
}
