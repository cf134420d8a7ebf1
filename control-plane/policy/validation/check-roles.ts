import {
  childrenOf,
  constantText,
  type Expr,
  type ParsedCondition,
  qualifiedName,
} from '../../../common/policy/condition-syntax.ts';
import { nearest } from '../../../common/policy/nearest-name.ts';
import { conditionFinding, type PolicyFinding } from './finding.ts';

/** Roles that a condition asks for, as in `"agent" in principal.roles`, and that don't exist. */
export function checkRoles(
  condition: ParsedCondition,
  roles: ReadonlySet<string>,
): PolicyFinding[] {
  const findings: PolicyFinding[] = [];
  const visit = (expr: Expr): void => {
    childrenOf(expr).forEach(visit);
    if (expr.exprKind.case !== 'callExpr' || expr.exprKind.value.function !== '@in') return;
    const [item, list] = expr.exprKind.value.args;
    if (item === undefined || list === undefined) return;
    const role = constantText(item);
    if (role === undefined || roles.has(role) || qualifiedName(list) !== 'principal.roles') return;
    const meant = nearest(role, roles);
    const message = `The organization has no role "${role.slice(0, 100)}".`;
    const hint = meant === undefined ? '' : `Did you mean ${meant}?`;
    findings.push(
      conditionFinding('warning', 'UNKNOWN_ROLE', condition.positionOf(item), message, hint),
    );
  };
  visit(condition.root);
  return findings;
}
