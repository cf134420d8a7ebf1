import { registerEnumType } from 'type-graphql';
import {
  type PolicyFindingCode as Code,
  policyFindingCodes,
} from '../../policy/validation/finding.ts';

export const PolicyFindingCode = Object.fromEntries(
  Object.keys(policyFindingCodes).map((code) => [code, code]),
) as { readonly [Name in Code]: Name };

registerEnumType(PolicyFindingCode, {
  name: 'PolicyFindingCode',
  description: 'What validation finds about a policy. Codes are stable; messages are not.',
  valuesConfig: Object.fromEntries(
    Object.entries(policyFindingCodes).map(([code, description]) => [code, { description }]),
  ),
});
