// Generated from proto/ by `npm run generate`; edit the .proto file.
export const ArgumentRecording = {
  ARGUMENT_RECORDING_UNSPECIFIED: 'ARGUMENT_RECORDING_UNSPECIFIED',
  ARGUMENT_RECORDING_OFF: 'ARGUMENT_RECORDING_OFF',
  /**
   * Secrets replaced, by the names of their keys and by what they look like.
   */
  ARGUMENT_RECORDING_REDACTED: 'ARGUMENT_RECORDING_REDACTED',
  ARGUMENT_RECORDING_FULL: 'ARGUMENT_RECORDING_FULL',
} as const;

export type ArgumentRecordingInput =
  | 'ARGUMENT_RECORDING_UNSPECIFIED'
  | 0
  | 'ARGUMENT_RECORDING_OFF'
  | 1
  /**
   * Secrets replaced, by the names of their keys and by what they look like.
   */
  | 'ARGUMENT_RECORDING_REDACTED'
  | 2
  | 'ARGUMENT_RECORDING_FULL'
  | 3

export type ArgumentRecording = typeof ArgumentRecording[keyof typeof ArgumentRecording]
