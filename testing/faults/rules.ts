import { createMatcher, type RequestMatch } from '../requests/match.js';
import type { RequestFacts } from '../requests/operations.js';
import { checkRule } from './check-rule.js';
import { phaseOf, reaches, type Fault, type Phase } from './fault.js';
import type { Stalls } from './stalls.js';

/**
 * When what goes wrong. Rules are asked in order; the first that strikes ends the search, and only those asked count
 * the request. This happens twice: when a request comes, for faults before the answer, and when there is an answer, for
 * faults in its body. These strike only a successful answer that is long enough, and count no other.
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
export interface Strike {
  readonly name: string;
  readonly fault: Fault;
}

interface Rule extends Strike {
  readonly phase: Phase;
  readonly fits: (facts: RequestFacts) => boolean;
  readonly counts: () => boolean;
}

/** Rules, and which of them strikes. */
export class FaultRules implements FaultControl {
  readonly #stalls: Stalls;
  #rules: readonly Rule[] = [];

  constructor(stalls: Stalls) {
    this.#stalls = stalls;
  }

  add(given: FaultRule): () => void {
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

  /** The fault for a request in this phase, if any; `size` is that of the body it would strike. */
  strike(phase: Phase, facts: RequestFacts, size: number | undefined): Strike | undefined {
    return this.#rules.find(
      (rule) => rule.phase === phase && reaches(rule.fault, size) && rule.fits(facts) && rule.counts(),
    );
  }
}

function compile(given: FaultRule): Rule {
  checkRule(given);
  const { fault, name = fault.kind, match = {}, skip = 0, every = 1, times = Infinity } = given;
  let seen = 0;
  let struck = 0;
  const counts = (): boolean => {
    seen++;
    if (struck >= times || seen <= skip || (seen - skip) % every !== 0) return false;
    struck++;
    return true;
  };
  return { name, fault, phase: phaseOf(fault), fits: createMatcher(match), counts };
}
