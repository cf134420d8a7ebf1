import { GraphQLDateTimeISO, GraphQLJSONObject, GraphQLSafeInt } from 'graphql-scalars';

/** RFC 3339 with milliseconds. */
export const DateTime = GraphQLDateTimeISO;
/** Any JSON object. */
export const JsonObject = GraphQLJSONObject;
/** An integer up to 2^53 - 1: revisions, bytes, milliseconds. */
export const SafeInt = GraphQLSafeInt;
