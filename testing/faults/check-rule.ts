import { Check } from '../check.js';
import { OPERATION_NAMES } from '../requests/operations.js';
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
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
/** Node's timers end here. */
const LONGEST = 2 ** 31 - 1;
const FAULTS: Readonly<Record<Fault['kind'], readonly string[]>> = {
  status: ['status', 'body', 'headers', 'retryAfter', 'handled'],
  reset: ['after', 'of', 'handled'],
  truncate: ['after'],
  stall: ['after', 'handled'],
  bitFlip: ['at', 'bit'],
  latency: ['ms', 'jitter'],
  throughput: ['bytesPerSecond', 'of'],
  redirect: ['to', 'status'],
  expiredToken: [],
  lostUpload: [],
  wrongDigest: [],
  missingHeader: ['header'],
  foreignLocation: ['to'],
};

/**
 * Checks a rule.
 * @param position of the rule in a list, from 1
 * @throws OciError `INVALID_OPTION`
 */
export function checkRule(rule: FaultRule, position?: number): void {
  const { name, match, skip, every, times } = (rule as FaultRule | null) ?? ({} as FaultRule);
  const place = position === undefined ? '' : ` ${position}`;
  const check = new Check(`fault rule${place}${name === undefined ? '' : ` "${name}"`}`);
  check.keys('it', rule, RULE);
  if (match !== undefined) checkMatch(match, check);
  if (skip !== undefined) check.whole('skip', skip, 0);
  if (every !== undefined) check.whole('every', every, 1);
  if (times !== undefined && times !== Infinity) check.whole('times', times, 1);
  checkFault(rule.fault, check);
}

function checkMatch(match: NonNullable<FaultRule['match']>, check: Check): void {
  check.keys('match', match, MATCH);
  for (const [field, value] of Object.entries(match) as [string, unknown][]) {
    const several = field === 'operation' || field === 'method';
    const isText = (one: unknown): boolean => typeof one === 'string';
    const fits =
      isText(value) || (several ? Array.isArray(value) && value.every(isText) : value instanceof RegExp);
    if (value !== undefined && !fits)
      check.fail(
        `match.${field} is ${JSON.stringify(value)}, expected text${several ? ' or a list of it' : ''}`,
      );
  }
  const unknown = [match.operation ?? []].flat().find((name) => !OPERATION_NAMES.includes(name));
  if (unknown !== undefined)
    check.fail(`match.operation is "${unknown}", expected one of ${OPERATION_NAMES.join(', ')}`);
}

function checkFault(fault: Fault, check: Check): void {
  const kinds = Object.keys(FAULTS);
  const kind = (fault as { kind?: unknown } | undefined)?.kind;
  if (typeof kind !== 'string' || !kinds.includes(kind))
    check.fail(`the kind of its fault is ${String(kind)}, expected one of ${kinds.join(', ')}`);
  check.keys('fault', fault, ['kind', ...FAULTS[fault.kind]]);
  checkFields(fault, check);
  const { of } = fault as { readonly of?: unknown };
  if (of !== undefined && of !== 'answer' && of !== 'request')
    check.fail(`of is ${JSON.stringify(of)}, expected answer or request`);
}

function checkFields(fault: Fault, check: Check): void {
  switch (fault.kind) {
    case 'status':
      check.whole('status', fault.status, 200, 599);
      return;
    case 'truncate':
    case 'reset':
    case 'stall':
      checkPosition(fault, check);
      return;
    case 'bitFlip':
      check.whole('at', fault.at ?? 0, Number.MIN_SAFE_INTEGER);
      check.whole('bit', fault.bit ?? 0, 0, 7);
      return;
    case 'latency':
      check.whole('ms', fault.ms, 0, LONGEST);
      check.whole('jitter', fault.jitter ?? 0, 0, LONGEST);
      return;
    case 'throughput':
      check.whole('bytesPerSecond', fault.bytesPerSecond, 1);
      return;
    case 'redirect':
      checkOrigin(fault.to, check);
      if (fault.status !== undefined && !REDIRECTS.includes(fault.status))
        check.fail(`status is ${String(fault.status)}, expected one of ${REDIRECTS.join(', ')}`);
      return;
    case 'foreignLocation':
      checkOrigin(fault.to, check);
      return;
    case 'missingHeader':
      if (typeof fault.header !== 'string' || !/^[\w-]+$/.test(fault.header))
        check.fail(`header is ${JSON.stringify(fault.header)}, expected the name of a header`);
      return;
    case 'expiredToken':
    case 'lostUpload':
    case 'wrongDigest':
  }
}

function checkPosition(fault: Extract<Fault, { kind: 'truncate' | 'reset' | 'stall' }>, check: Check): void {
  const { after } = fault as { readonly after?: unknown };
  if (fault.kind === 'truncate' || 'after' in fault || 'of' in fault) check.whole('after', after, 0);
  if (after !== undefined && 'handled' in fault)
    check.fail('handled is for faults before the answer, without after');
}

function checkOrigin(to: unknown, check: Check): void {
  const url = typeof to === 'string' && URL.canParse(to) ? new URL(to) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || `${url.origin}/` !== url.href)
    check.fail(`to is ${JSON.stringify(to)}, expected scheme and host, such as http://127.0.0.1:5001`);
}
