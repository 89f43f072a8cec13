import { Check } from '../check.js';
import type { Fault } from './fault.js';
import type { FaultRule } from './rules.js';

const RULE: readonly (keyof FaultRule)[] = ['name', 'match', 'skip', 'every', 'times', 'fault'];
const MATCH: readonly (keyof NonNullable<FaultRule['match']>)[] = [
  'operation',
  'method',
  'path',
  'repository',
  'reference',
  'digest',
];
const FAULTS: Readonly<Record<Fault['kind'], readonly string[]>> = {
  status: ['status', 'body', 'headers', 'retryAfter', 'handled'],
  reset: ['after', 'of', 'handled'],
  truncate: ['after'],
  stall: ['after', 'handled'],
  bitFlip: ['at', 'bit'],
};

/**
 * Checks a rule.
 * @throws OciError `INVALID_OPTION`
 */
export function checkRule(rule: FaultRule): void {
  const { name, match, skip, every, times } = rule;
  const check = new Check(`fault rule${name === undefined ? '' : ` "${name}"`}`);
  check.keys('it', rule, RULE);
  if (match !== undefined) check.keys('match', match, MATCH);
  if (skip !== undefined) check.whole('skip', skip, 0);
  if (every !== undefined) check.whole('every', every, 1);
  if (times !== undefined && times !== Infinity) check.whole('times', times, 1);
  checkFault(rule.fault, check);
}

function checkFault(fault: Fault, check: Check): void {
  const kinds = Object.keys(FAULTS);
  const kind = (fault as { kind?: unknown } | undefined)?.kind;
  if (typeof kind !== 'string' || !kinds.includes(kind))
    check.fail(`the kind of its fault is ${String(kind)}, expected one of ${kinds.join(', ')}`);
  check.keys('fault', fault, ['kind', ...FAULTS[fault.kind]]);
  if (fault.kind === 'status') check.whole('status', fault.status, 200, 599);
  const { after, of } = fault as { readonly after?: unknown; readonly of?: unknown };
  if (fault.kind === 'truncate' || 'after' in fault || 'of' in fault) check.whole('after', after, 0);
  if (after !== undefined && 'handled' in fault)
    check.fail('handled is for faults before the answer, without after');
  if (of !== undefined && of !== 'answer' && of !== 'request')
    check.fail(`of is ${JSON.stringify(of)}, expected answer or request`);
  if (fault.kind === 'bitFlip') {
    check.whole('at', fault.at ?? 0, Number.MIN_SAFE_INTEGER);
    check.whole('bit', fault.bit ?? 0, 0, 7);
  }
}
