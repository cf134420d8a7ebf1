import { errors } from 'undici';

/**
 * Why a call of somebody's URL got no answer, in a few words of ours that follow "it failed:". What a library
 * says may hold more than whoever named the URL may know.
 */
export function unreachableReason(error: unknown): string {
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
  if (code === 'ERR_ADDRESS_NOT_ALLOWED') return 'its address is not allowed here';
  if (name === 'TimeoutError' || error instanceof errors.HeadersTimeoutError) {
    return 'it took too long to answer';
  }
  if (error instanceof errors.BodyTimeoutError || error instanceof errors.ConnectTimeoutError) {
    return 'it took too long to answer';
  }
  if (error instanceof errors.ResponseExceededMaxSizeError) return 'its answer is too large';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'its name does not resolve';
  if (code === 'ECONNREFUSED') return 'it refuses connections';
  if (typeof code === 'string' && /CERT|TLS|SELF_SIGNED|VERIFY/.test(code)) {
    return 'its certificate is not trusted';
  }
  return 'it can’t be reached';
}
