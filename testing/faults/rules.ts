import { createMatcher, type RequestMatch } from '../requests/match.js';
import type { RequestFacts } from '../requests/operations.js';
import { checkRule } from './check-rule.js';
import {
  isPassing,
  phaseOf,
  reaches,
  type Fault,
  type Phase,
  type PhaseFaults,
  type Target,
} from './fault.js';
import type { Stalls } from './stalls.js';

/**
 * When what goes wrong. Rules are asked in order; the first that strikes ends the search, unless its fault lets the
 * request go on, and only those asked count the request. This happens three times: when a request comes, for faults
 * before the answer, and when there is an answer, for faults in its headers and then in its body. A rule counts only what
 * its fault can strike: the body of a successful answer that is long enough, an answer that has the header.
 */
export interface FaultRule {
  /** Shows in the log. Default: the kind of its fault. */
  readonly name?: string;
  /** Default: every request. */
  readonly match?: RequestMatch;
  /** Matching requests that pass before the rule begins. Default 0. */
  readonly skip?: number;
  /** Of those that follow, each so-many-th is struck. Default 1: all. */
  readonly every?: number;
  /** How often the rule strikes. Default: without end. */
  readonly times?: number;
  readonly fault: Fault;
}

/** The faults of a registry, to be changed while it runs. */
export interface FaultControl {
  /**
   * Adds a rule behind those that are there.
   * @returns what takes it away again
   * @throws OciError `INVALID_OPTION`
   */
  add(rule: FaultRule): () => void;
  /** Takes away every rule. Stalls under way stay. */
  clear(): void;
  /** Lets every stalled request go on; returns how many. */
  release(): number;
}

/** A fault that strikes, and the name of its rule. */
export interface Strike<F extends Fault = Fault> {
  readonly name: string;
  readonly fault: F;
  /** How often the rule has struck, this time included. */
  readonly time: number;
}

interface Rule extends Omit<Strike, 'time'> {
  readonly phase: Phase;
  readonly fits: (facts: RequestFacts) => boolean;
  /** Counts a request: how often the rule has struck when it strikes, else 0. */
  readonly count: () => number;
}

/** Rules, and which of them strikes. */
export class FaultRules implements FaultControl {
  readonly #stalls: Stalls;
  #rules: readonly Rule[] = [];

  constructor(stalls: Stalls) {
    this.#stalls = stalls;
  }

  /** @param position of the rule in a list, from 1, to name it by */
  add(given: FaultRule, position?: number): () => void {
    checkRule(given, position);
    const rule = compile(given);
    this.#rules = [...this.#rules, rule];
    return () => {
      this.#rules = this.#rules.filter((other) => other !== rule);
    };
  }

  clear(): void {
    this.#rules = [];
  }

  release(): number {
    return this.#stalls.release();
  }

  /** What strikes a request in this phase; no other fault comes behind one that does not let it go on. */
  strikes<P extends Phase>(phase: P, facts: RequestFacts, target: Target): Strike<PhaseFaults[P]>[] {
    const struck: Strike<PhaseFaults[P]>[] = [];
    for (const rule of this.#rules) {
      if (rule.phase !== phase || !reaches(rule.fault, target) || !rule.fits(facts)) continue;
      const time = rule.count();
      if (time === 0) continue;
      struck.push({ name: rule.name, fault: rule.fault as PhaseFaults[P], time });
      if (!isPassing(rule.fault)) break;
    }
    return struck;
  }
}

function compile(given: FaultRule): Rule {
  const { fault, name = fault.kind, match = {}, skip = 0, every = 1, times = Infinity } = given;
  let seen = 0;
  let struck = 0;
  const count = (): number => {
    seen++;
    return struck >= times || seen <= skip || (seen - skip) % every !== 0 ? 0 : ++struck;
  };
  return { name, fault, phase: phaseOf(fault), fits: createMatcher(match), count };
}
