import type { Options } from './options.mjs';

/** A measured row. Content is made, and results are checked, outside of its clock. */
export interface Row {
  readonly id: string;
  readonly label: string;
  readonly unit: string;
  readonly better: 'more' | 'less';
  /** Wanted ratio against the peer. */
  readonly target?: number;
  /** Wanted bound of our own figure. */
  readonly limit?: number;
  /** Why the row cannot run here. */
  readonly skip?: string;
  /** Most rounds it takes part in, when one takes long. */
  readonly rounds?: number;
  /** Contenders it makes sense for. Default: all. */
  readonly only?: readonly string[];
}

/** What became of a row. */
export interface Result extends Omit<Row, 'only' | 'rounds'> {
  /** Why a sample is missing. */
  failed?: string;
  /** By contender, one a round; NaN when a round failed. */
  readonly samples: Record<string, number[]>;
}

export interface Report {
  readonly contenders: readonly { readonly id: string; readonly label: string }[];
  /** The contender that the others are divided by. */
  readonly peer: string;
  readonly rows: readonly Result[];
  /** Machine, versions, date. */
  readonly facts: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
}

export interface Suite {
  rows(options: Options): readonly Row[];
  run(options: Options): Promise<Report>;
}
