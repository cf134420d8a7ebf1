import { type UserError, unwrap } from '../../quickstart/graphql-client.ts';
import type { Product } from './client-product.ts';
import { eventually } from './control-stream.ts';

interface IssuerKeys {
  readonly keys: readonly { readonly keyId: string }[];
  readonly fetchError: string | null;
}

/** Makes the product's organization trust an issuer. @returns its id. */
export async function trustIssuer(product: Product, input: object): Promise<string> {
  const { graphql, organizationId } = product;
  const { createIssuer } = await graphql.request<{
    createIssuer: { issuer: { id: string } | null; userErrors: UserError[] };
  }>(
    `mutation ($input: CreateIssuerInput!) {
       createIssuer(input: $input) { issuer { id } userErrors { path message } }
     }`,
    { input: { organizationId, name: 'idp', ...input } },
  );
  return unwrap(createIssuer, createIssuer.issuer).id;
}

/** Waits until the worker has fetched just these keys; nobody asks it to. */
export async function untilKeys(
  { graphql, organizationId }: Product,
  issuerId: string,
  keyIds: readonly string[],
): Promise<void> {
  await eventually(
    async () => {
      const { issuer } = await graphql.request<{ issuer: IssuerKeys }>(
        `query ($organizationId: ID!, $id: ID!) {
           issuer(organizationId: $organizationId, id: $id) { keys { keyId } fetchError }
         }`,
        { organizationId, id: issuerId },
      );
      return issuer.keys.map(({ keyId }) => keyId).sort();
    },
    (found) => JSON.stringify(found) === JSON.stringify([...keyIds].sort()),
    30_000,
  );
}

/** Waits until every node has all that is committed. */
export async function untilNodesFollow({ graphql }: Product): Promise<void> {
  await eventually(
    async () => {
      const { nodes } = await graphql.request<{
        nodes: { nodes: { appliedRevision: number | null; lagRevisions: number | null }[] };
      }>('{ nodes(first: 10) { nodes { appliedRevision lagRevisions } } }');
      return nodes.nodes;
    },
    (nodes) => nodes.length > 0 && nodes.every(({ lagRevisions }) => lagRevisions === 0),
    10_000,
  );
}
