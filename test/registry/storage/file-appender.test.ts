import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lendAligned, type Loan } from '../../../registry/storage/aligned-memory.js';
import { FileAppender, type Direct } from '../../../registry/storage/file-appender.js';
import { nodeFiles, type FileHandle } from '../../../registry/storage/files.js';
import { tempFolder } from '../../helpers/temp.js';

const ALIGNMENT = 16;
const FROM = 100;

/** A file in memory that notes its writes, and fails the n-th of them. */
class Memory {
  content = Buffer.alloc(0);
  readonly writes: { readonly direct: boolean; readonly at: number; readonly size: number }[] = [];
  open = 0;
  fail: number | undefined;
  refuse = false;
  failed = false;

  handle(direct: boolean): FileHandle {
    this.open++;
    return {
      writev: async (buffers, at) => {
        const bytes = Buffer.concat(buffers);
        if (direct && this.refuse) throw Object.assign(new Error('EINVAL'), { code: 'EINVAL' });
        if (direct && (at % ALIGNMENT !== 0 || bytes.byteLength % ALIGNMENT !== 0))
          throw new Error('not aligned');
        await Promise.resolve();
        if (this.writes.length === this.fail) {
          this.failed = true;
          throw Object.assign(new Error('EIO'), { code: 'EIO' });
        }
        // No write begins behind the end: the size of the file is the truth at every moment.
        if (at > this.content.byteLength) throw new Error('a hole');
        this.content = Buffer.concat([this.content.subarray(0, at), bytes]);
        this.writes.push({ direct, at, size: bytes.byteLength });
      },
      read: () => Promise.reject(new Error('not read')),
      sync: () => Promise.resolve(),
      size: async () => this.content.byteLength,
      close: async () => {
        this.open--;
      },
    };
  }
}

function lender(): { lent: number; lend: () => Loan } {
  const state = {
    lent: 0,
    lend: (): Loan => {
      state.lent++;
      return {
        alignment: ALIGNMENT,
        blocks: [new Uint8Array(2 * ALIGNMENT), new Uint8Array(2 * ALIGNMENT)],
        give: () => void state.lent--,
      };
    },
  };
  return state;
}

async function append(appender: FileAppender, chunks: readonly Uint8Array[]): Promise<void> {
  for (const chunk of chunks) await appender.write(chunk);
}

const chunks = fc.array(fc.uint8Array({ maxLength: 90 }), { maxLength: 12 });

describe('an appender that writes past the cache', () => {
  it('writes the same bytes, whatever their pieces are and wherever it begins', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(chunks, { maxLength: 4 }), fc.boolean(), async (requests, refuse) => {
        const file = new Memory();
        file.refuse = refuse;
        const memory = lender();
        for (const request of requests) {
          const appender = new FileAppender(file.handle(false), file.content.byteLength, {
            from: FROM,
            lend: memory.lend,
            open: async () => file.handle(true),
          });
          await append(appender, request);
          const whole = Buffer.concat(requests.slice(0, requests.indexOf(request) + 1).flat());
          expect(appender.size).toBe(whole.byteLength);
          await appender.close();
          expect(file.content.equals(whole)).toBe(true);
        }
        expect(file.writes.every(({ direct, at }) => !direct || at >= FROM)).toBe(true);
        expect([file.open, memory.lent]).toEqual([0, 0]);
      }),
    );
  });

  it('tells of every write that fails, and lets go of everything', async () => {
    const request = Array.from({ length: 12 }, (_, at) => Buffer.alloc(70, at));
    const attempt = async (fail: number): Promise<boolean> => {
      const file = new Memory();
      file.fail = fail;
      const memory = lender();
      const appender = new FileAppender(file.handle(false), 0, {
        from: FROM,
        lend: memory.lend,
        open: async () => file.handle(true),
      });
      const results = [
        await append(appender, request).catch((error: unknown) => error),
        await appender.close().catch((error: unknown) => error),
      ];
      expect([file.open, memory.lent]).toEqual([0, 0]);
      const failed = results.some((result) => (result as { code?: string } | undefined)?.code === 'EIO');
      expect(failed).toBe(file.failed);
      expect(Buffer.concat(request).subarray(0, file.content.byteLength).equals(file.content)).toBe(true);
      return failed;
    };
    let failures = 0;
    while (await attempt(failures)) failures++;
    expect(failures).toBeGreaterThan(20);
  });

  it.each<readonly [string, Pick<Direct, 'lend' | 'open'>]>([
    ['no memory is left', { lend: () => undefined, open: () => Promise.reject(new Error('not opened')) }],
    ['the file system cannot', { lend: lender().lend, open: async () => undefined }],
  ])('writes as ever when %s', async (_, direct) => {
    const file = new Memory();
    const appender = new FileAppender(file.handle(false), 0, { from: FROM, ...direct });
    const request = Array.from({ length: 9 }, (__, at) => Buffer.alloc(50, at));
    await append(appender, request);
    await appender.close();
    expect(file.content.equals(Buffer.concat(request))).toBe(true);
    expect(file.writes.some(({ direct: past }) => past)).toBe(false);
  });

  it('writes files of the operating system', async () => {
    const path = join(await tempFolder(), 'f');
    const before = Buffer.alloc(5000, 'a');
    writeFileSync(path, before);
    const file = await nodeFiles.open(path, 'write');
    if (file === undefined) throw new Error('no file');
    const appender = new FileAppender(file, before.byteLength, {
      from: 0,
      lend: lendAligned,
      open: () => nodeFiles.open(path, 'direct'),
    });
    const request = Array.from({ length: 50 }, (_, at) => Buffer.alloc(70_001, at));
    await append(appender, request);
    await appender.close();
    expect(readFileSync(path).equals(Buffer.concat([before, ...request]))).toBe(true);
  });

  it('lends a page at least of each address, and so many blocks only', () => {
    const loans: Loan[] = [];
    for (let loan = lendAligned(); loan !== undefined; loan = lendAligned()) loans.push(loan);
    expect(loans).toHaveLength(16);
    const all = loans.flatMap(({ blocks }) => blocks);
    expect(all.every(({ byteOffset, byteLength }) => byteOffset % 4096 === 0 && byteLength === 1 << 20)).toBe(
      true,
    );
    expect(new Set(all.map(({ byteOffset }) => byteOffset)).size).toBe(32);
    for (const { give } of loans) give();
    const again = lendAligned();
    expect(again).toBeDefined();
    again?.give();
  });
});
