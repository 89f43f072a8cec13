import { Option, type Command } from 'commander';
import type { OnProgress, Progress } from '../oci/index.js';
import type { Context } from './context.js';
import { showSize } from './values/size.js';

/** How progress is shown. */
export type ProgressMode = 'auto' | 'json' | 'none' | 'plain';

/** What `withProgressOption` leaves behind. */
export interface ProgressFlags {
  readonly progress?: ProgressMode;
}

/** `--progress`. */
export function withProgressOption(command: Command): Command {
  return command.addOption(
    new Option('--progress <mode>', 'auto: a line that changes on a terminal, a line now and then elsewhere')
      .choices(['auto', 'plain', 'json', 'none'])
      .default('auto'),
  );
}

/** Shows what a transfer tells. `end` must be called, whether it succeeded or not. */
export interface ProgressView {
  readonly tell: OnProgress;
  readonly end: () => void;
}

/** Milliseconds between two states on a terminal, and elsewhere. */
const PACE = { terminal: 100, plain: 10_000 } as const;

/** Makes what shows progress on stderr. With `json` every event is a line of JSON. */
export function progressView({ err }: Context, { progress = 'auto' }: ProgressFlags): ProgressView {
  if (progress === 'none') return { tell: () => undefined, end: () => undefined };
  if (progress === 'json')
    return { tell: (event) => err.write(`${JSON.stringify(event)}\n`), end: () => undefined };
  const terminal = progress === 'auto' && err.isTerminal;
  const sums = new Sums();
  const began = performance.now();
  let last = terminal ? Number.NEGATIVE_INFINITY : began;
  let shown = false;
  const show = (): void => {
    last = performance.now();
    shown = true;
    const line = sums.line((last - began) / 1000);
    err.write(terminal ? `\r\u001B[K${line}` : `${line}\n`);
  };
  return {
    tell(event) {
      sums.add(event);
      if (sums.moves && performance.now() - last >= (terminal ? PACE.terminal : PACE.plain)) show();
    },
    end() {
      // What was shown on the way must not stay as the last word.
      if (shown && terminal) err.write('\r\u001B[K');
    },
  };
}

/** What events add up to. */
class Sums {
  readonly #sent = new Map<string, number>();
  #blobs = 0;
  #done = 0;
  #planned = 0;
  #bytes = 0;

  /** Whether there is anything to show. */
  get moves(): boolean {
    return this.#planned > 0;
  }

  add(event: Progress): void {
    if (event.type === 'planned') {
      this.#blobs += event.blobs;
      this.#planned += event.bytes;
    } else if (event.type === 'bytes') this.#at(event.descriptor.digest, event.sent);
    else if (event.type !== 'started') {
      this.#done++;
      this.#at(event.descriptor.digest, event.descriptor.size);
    }
  }

  line(seconds: number): string {
    const rate = seconds > 0.5 ? `, ${showSize(this.#bytes / seconds)}/s` : '';
    return `${this.#done} of ${this.#blobs} blobs, ${showSize(this.#bytes)} of ${showSize(this.#planned)}${rate}`;
  }

  #at(digest: string, sent: number): void {
    this.#bytes += sent - (this.#sent.get(digest) ?? 0);
    this.#sent.set(digest, sent);
  }
}
