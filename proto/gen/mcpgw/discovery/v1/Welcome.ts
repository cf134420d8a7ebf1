// Generated from proto/ by `npm run generate`; edit the .proto file.

/**
 * First message of the control plane, once it stands at or past the node's revision.
 */
export interface WelcomeInput {
  'epoch'?: (string);
  /**
   * Name of the node as its token names it.
   */
  'nodeName'?: (string);
  'nodeId'?: (string);
  'nodeGroup'?: (string);
  /**
   * How often a heartbeat comes, in milliseconds.
   */
  'heartbeatIntervalMs'?: (number);
  /**
   * The node's epoch is not the database's: what follows is a full reconcile.
   */
  'epochChanged'?: (boolean);
}

/**
 * First message of the control plane, once it stands at or past the node's revision.
 */
export interface Welcome {
  'epoch': (string);
  /**
   * Name of the node as its token names it.
   */
  'nodeName': (string);
  'nodeId': (string);
  'nodeGroup': (string);
  /**
   * How often a heartbeat comes, in milliseconds.
   */
  'heartbeatIntervalMs': (number);
  /**
   * The node's epoch is not the database's: what follows is a full reconcile.
   */
  'epochChanged': (boolean);
}
