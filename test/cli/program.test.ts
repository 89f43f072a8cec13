import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../cli/commands.js';
import { describeError, exitCodeOf } from '../../cli/exit.js';
import { completionTree, flatten } from '../../cli/completion-tree.js';
import { buildProgram, main } from '../../cli/program.js';
import { OciError } from '../../oci/index.js';
import { startRegistry } from '../../testing/index.js';
import pkg from '../../package.json' with { type: 'json' };
import { tempFolder } from '../helpers/temp.js';
import { fakeContext } from './context.js';
import { run } from './run.js';

const exec = promisify(execFile);

describe('the version', () => {
  it.each([['version'], ['--version'], ['-V']])('is what %s prints', async (word) => {
    const expected = `ocilot version ${pkg.version}\n`;
    expect(await run([word])).toEqual({ code: 0, out: expected, err: '' });
    const context = fakeContext();
    expect([await main([word], context), context.written]).toEqual([0, { out: expected, err: '' }]);
  });
});

describe('a certificate that nobody knows', () => {
  it('is told with the flags that help', async () => {
    await using registry = await startRegistry({ tls: { auto: true } });
    const context = fakeContext();
    expect(await main(['tag', 'list', '-i', `${registry.host}/app`], context)).toBe(1);
    expect(context.written.err).toMatch(
      /^ocilot: .*is not trusted.*\(hint: `--ca-file FILE` names its authority, `--insecure` believes any\)\n$/,
    );
  });
});

describe('help', () => {
  it.each([[[]], [['help']], [['--help']]])('lists every command for %j', async (args) => {
    const context = fakeContext();
    expect(await main(args, context)).toBe(0);
    const unwrapped = context.written.out.replaceAll(/\n {10,}/g, ' ');
    for (const { name, summary } of COMMANDS) expect(unwrapped).toMatch(new RegExp(`${name} +${summary}`));
    expect(context.written.err).toBe('');
  });

  it('of every command begins with examples', async () => {
    const nodes = flatten(completionTree(await buildProgram(fakeContext())));
    const leaves = nodes.filter(({ path, children }) => path.length > 0 && children.length === 0);
    for (const { path } of leaves.filter((leaf) => !['version', 'help'].includes(leaf.path.at(-1) ?? ''))) {
      const context = fakeContext();
      expect(await main(['help', ...path], context)).toBe(0);
      expect(context.written.out).toMatch(/^Examples:\n {2}\S/);
    }
  });

  it('of a group that was not told what to do is an error', async () => {
    const context = fakeContext();
    expect(await main(['user'], context)).toBe(2);
    expect(context.written).toEqual({ out: '', err: expect.stringContaining('Usage: ocilot user') });
  });
});

describe('exit codes', () => {
  it.each([
    [new OciError('INVALID_OPTION', 'x'), 2],
    [new OciError('REFERENCE_INVALID', 'x'), 2],
    [new OciError('STORE_LOCKED', 'x'), 3],
    [new OciError('STORE_VERSION', 'x'), 1],
    [new OciError('DENIED', 'x'), 1],
    [new Error('x'), 1],
    ['x', 1],
  ])('%s', (error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });

  it('what was foreseen is one line, a mistake of ours has a stack', () => {
    expect(describeError(new OciError('DENIED', 'line\n\u001B[2J'))).toBe('line\\u000a\\u001b[2J');
    expect(describeError(new TypeError('oops'))).toMatch(/^TypeError: oops\n {4}at /);
    expect(describeError('text')).toBe('text');
  });
});

describe('completion', () => {
  it('in bash offers commands, options and their values', async () => {
    const script = join(await tempFolder(), 'completion.bash');
    await writeFile(script, (await run(['completion', 'bash'])).out);
    const complete = async (...words: readonly string[]): Promise<string[]> => {
      const program =
        'source "$1"; shift; COMP_WORDS=(ocilot "$@"); COMP_CWORD=$#; _ocilot; echo "${COMPREPLY[@]}"';
      const { stdout } = await exec('bash', ['-c', program, 'bash', script, ...words]);
      return stdout.trim().split(' ').filter(Boolean);
    };
    expect(await complete('s')).toEqual(['serve', 'scrub']);
    expect(await complete('user', '')).toEqual(expect.arrayContaining(['add', 'remove', 'list', '--help']));
    expect(await complete('serve', '--log-')).toEqual(['--log-level', '--log-format']);
    expect(await complete('serve', '--port', '1', '--blobs', '')).toEqual(['auto', 'leveldb', 'memory']);
    expect(await complete('serve', '--port', '')).toEqual([]);
    expect(await complete('user', 'add', '--pass')).toEqual(['--password-stdin']);
    expect(await complete('completion', 'z')).toEqual(['zsh']);
  });

  it.each([
    ['zsh', /^#compdef ocilot\n/, /' serve:--blobs'\) _ocilot_words 'auto leveldb memory'; return ;;/],
    [
      'fish',
      /^# fish completion/,
      /complete -c ocilot -n '__fish_seen_subcommand_from serve' -l blobs -x -a 'auto leveldb memory' /,
    ],
  ])('for %s has every command', async (shell, start, sample) => {
    const { out } = await run(['completion', shell]);
    expect(out).toMatch(start);
    expect(out).toMatch(sample);
    for (const { name } of COMMANDS) expect(out).toContain(name);
  });

  it('for a shell that nobody knows is refused', async () => {
    expect(await run(['completion', 'cmd'])).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('bash, zsh, fish'),
    });
  });
});
