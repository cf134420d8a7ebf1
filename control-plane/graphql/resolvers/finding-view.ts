import type { PolicyFinding } from '../../policy/validation/finding.ts';
import type { PolicyFindingType } from '../types/policy-finding.ts';

/** A finding as the API shows it. */
export function findingView(finding: PolicyFinding): PolicyFindingType {
  const { severity, code, field, message, line, column, hint } = finding;
  return {
    ...{ severity, code, message },
    path: field.split('.'),
    line: line ?? null,
    column: column ?? null,
    hint: hint === '' ? null : hint,
  };
}
