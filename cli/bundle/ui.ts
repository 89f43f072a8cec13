import { printable } from '../../oci/index.js';
import { isCalledImgpkg } from '../compat.js';
import type { Context } from '../context.js';

/** What the flags that all of imgpkg's verbs have leave behind. */
export interface UiFlags {
  readonly json?: boolean;
  readonly tty?: boolean;
  readonly color?: boolean;
  readonly column?: readonly string[];
  readonly yes?: boolean;
}

/** A table with one row an entry; keys of columns are those of rows. */
export interface Table {
  readonly title: string;
  /** What its rows are, as `tags`. */
  readonly content: string;
  readonly columns: readonly string[];
  readonly rows: readonly Readonly<Record<string, string>>[];
}

/** What a verb of imgpkg's says. */
export interface Ui {
  /** Whether lines of the work are shown one by one. */
  readonly isChatty: boolean;
  /** A line about the work. */
  line(text: string): void;
  /** Something to know though nobody looks: on stderr where lines are not shown. */
  notice(text: string): void;
  /** What a push or a copy ends with: imgpkg's line where lines are shown, else the reference alone. */
  result(reference: string, line?: string): void;
  /** What was asked for. */
  block(text: string): void;
  table(table: Table): void;
  /** The end of work that succeeded. */
  done(options?: { readonly close?: boolean }): void;
}

/**
 * The way a verb talks: as imgpkg does on a terminal, when that is asked for or its name was called; as one JSON document
 * at the end; or else results on stdout and everything else on stderr.
 */
export function uiOf(context: Context, flags: UiFlags): Ui {
  if (flags.json === true) return new JsonUi(context);
  const called = isCalledImgpkg(context.env);
  const chatty = flags.tty ?? (called && context.out.isTerminal);
  return chatty ? new TerminalUi(context) : new PlainUi(context, called);
}

class TerminalUi implements Ui {
  readonly isChatty = true;
  readonly #context: Context;
  #said = false;

  constructor(context: Context) {
    this.#context = context;
  }

  line(text: string): void {
    this.block(`${text}\n`);
  }

  notice(text: string): void {
    this.line(text);
  }

  result(_reference: string, line?: string): void {
    if (line !== undefined) this.line(line);
  }

  block(text: string): void {
    this.#said = true;
    this.#context.out.write(text);
  }

  table({ title, content, columns, rows }: Table): void {
    const header = Object.fromEntries(columns.map((column) => [column, headed(column)]));
    const lines = padded([header, ...rows], columns).map((cells) => cells.join('  ').trimEnd());
    this.block(`${title}\n\n${lines.join('\n')}\n\n${rows.length} ${content}\n`);
  }

  done({ close = false }: { readonly close?: boolean } = {}): void {
    this.#context.out.write(this.#said && !close ? '\nSucceeded\n' : 'Succeeded\n');
  }
}

class PlainUi implements Ui {
  readonly isChatty = false;
  readonly #context: Context;
  readonly #called: boolean;

  /** @param called true: by imgpkg's name, whose scripts expect nothing on stdout */
  constructor(context: Context, called: boolean) {
    this.#context = context;
    this.#called = called;
  }

  line(): void {
    // Only for who looks.
  }

  notice(text: string): void {
    this.#context.err.write(`${printable(text)}\n`);
  }

  result(reference: string, line?: string): void {
    if (this.#called) this.notice(line ?? reference);
    else this.#context.out.write(`${reference}\n`);
  }

  block(text: string): void {
    this.#context.out.write(text);
  }

  table({ columns, rows }: Table): void {
    for (const cells of padded(rows, columns)) this.block(`${cells.map((cell) => `${cell}\t`).join('')}\n`);
  }

  done(): void {
    // The exit code says it.
  }
}

class JsonUi implements Ui {
  readonly isChatty = true;
  readonly #context: Context;
  readonly #lines: string[] = [];
  readonly #blocks: string[] = [];
  readonly #tables: object[] = [];

  constructor(context: Context) {
    this.#context = context;
  }

  line(text: string): void {
    this.#lines.push(text);
  }

  notice(text: string): void {
    this.line(text);
  }

  result(reference: string, line = reference): void {
    this.line(line);
  }

  block(text: string): void {
    this.#blocks.push(text);
  }

  table({ content, columns, rows }: Table): void {
    const header = Object.fromEntries(columns.toSorted().map((column) => [column, headed(column)]));
    this.#tables.push({ Content: content, Header: header, Rows: rows, Notes: null });
  }

  done(): void {
    this.line('Succeeded');
    const orNull = <T>(list: readonly T[]): readonly T[] | null => (list.length === 0 ? null : list);
    const document = {
      Tables: orNull(this.#tables),
      Blocks: orNull(this.#blocks),
      Lines: orNull(this.#lines),
    };
    this.#context.out.write(JSON.stringify(document, null, 4));
  }
}

const headed = (column: string): string => column.replace(/^./, (first) => first.toUpperCase());

/** Cells as wide as the widest of their column, the last one as it is. */
function padded(rows: Table['rows'], columns: readonly string[]): string[][] {
  const widths = columns.map((column) => Math.max(0, ...rows.map((row) => (row[column] ?? '').length)));
  const last = columns.length - 1;
  return rows.map((row) =>
    columns.map((column, at) => (row[column] ?? '').padEnd(at === last ? 0 : (widths[at] ?? 0))),
  );
}
