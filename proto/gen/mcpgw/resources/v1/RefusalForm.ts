// Generated from proto/ by `npm run generate`; edit the .proto file.
export const RefusalForm = {
  REFUSAL_FORM_UNSPECIFIED: 'REFUSAL_FORM_UNSPECIFIED',
  /**
   * The reason's HTTP status, with a JSON-RPC error as body.
   */
  REFUSAL_FORM_HTTP_STATUS: 'REFUSAL_FORM_HTTP_STATUS',
  /**
   * HTTP 200 with a JSON-RPC error.
   */
  REFUSAL_FORM_JSON_RPC_ERROR: 'REFUSAL_FORM_JSON_RPC_ERROR',
  /**
   * HTTP 200 with a tool result that says isError.
   */
  REFUSAL_FORM_TOOL_RESULT: 'REFUSAL_FORM_TOOL_RESULT',
} as const;

export type RefusalFormInput =
  | 'REFUSAL_FORM_UNSPECIFIED'
  | 0
  /**
   * The reason's HTTP status, with a JSON-RPC error as body.
   */
  | 'REFUSAL_FORM_HTTP_STATUS'
  | 1
  /**
   * HTTP 200 with a JSON-RPC error.
   */
  | 'REFUSAL_FORM_JSON_RPC_ERROR'
  | 2
  /**
   * HTTP 200 with a tool result that says isError.
   */
  | 'REFUSAL_FORM_TOOL_RESULT'
  | 3

export type RefusalForm = typeof RefusalForm[keyof typeof RefusalForm]
