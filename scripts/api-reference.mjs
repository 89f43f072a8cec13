// Writes docs/api from the types of the doors, as the build makes them. `--check` writes nothing, and fails when a page is
// not what it would be.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const OUT = join(root, 'docs', 'api');

/** A name a door gives, and where it is declared. */
class Types {
  #files = new Map();

  /** Exports of a file in their order: `{ name, kind, doc, code }`. */
  exportsOf(path) {
    return this.#statements(path).flatMap((statement) => {
      if (statement.from === undefined) return statement.name === undefined ? [] : [statement];
      const target = resolve(dirname(path), statement.from.replace(/\.js$/, '.d.ts'));
      const there = this.exportsOf(target);
      if (statement.names === undefined) return there;
      return statement.names.flatMap(({ name, as }) => {
        const found = there.find((entry) => entry.name === name);
        return found === undefined ? [] : [{ ...found, name: as }];
      });
    });
  }

  #statements(path) {
    const known = this.#files.get(path) ?? statementsOf(readFileSync(path, 'utf8'));
    this.#files.set(path, known);
    return known;
  }
}

const DECLARATION =
  /^export (?:declare )?(?:abstract )?(function|class|interface|type|const|async function)\*? (\w+)/;
const AGAIN = /^export (?:type )?(?:\{([^}]*)\}|\*) from '([^']+)';?$/s;

/** The top-level statements of a declaration file that export something. */
function statementsOf(text) {
  const statements = [];
  let doc = '';
  for (const block of blocksOf(text)) {
    if (block.startsWith('/**')) {
      doc = block;
      continue;
    }
    const again = AGAIN.exec(block);
    const [, kind, name] = DECLARATION.exec(block) ?? [];
    if (again !== null) statements.push({ from: again[2], ...(again[1] && { names: namesIn(again[1]) }) });
    else if (name !== undefined) statements.push({ name, kind, doc, code: block });
    doc = '';
  }
  return statements;
}

const namesIn = (list) =>
  list
    .split(',')
    .map((part) => part.trim().replace(/^type /, ''))
    .filter((part) => part !== '')
    .map((part) => {
      const [name, as = name] = part.split(' as ');
      return { name, as };
    });

/** Comments and statements at the left margin, each with the lines that belong to it. */
function blocksOf(text) {
  const blocks = [];
  for (const line of text.split('\n')) {
    const begins = /^(?:export|import|declare|\/\*\*|type|interface|const)/.test(line);
    if (begins || blocks.length === 0) blocks.push(line);
    else blocks[blocks.length - 1] += `\n${line}`;
  }
  return blocks.map((block) => block.trim());
}

/** The text of a doc comment, its tags as a list. */
function proseOf(doc) {
  const lines = doc
    .replace(/^\/\*\*\s?|\s*\*\/$/g, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''));
  const tags = lines.findIndex((line) => line.startsWith('@'));
  const [body, rest] = tags < 0 ? [lines, []] : [lines.slice(0, tags), lines.slice(tags)];
  const items = rest
    .join('\n')
    .split(/\n(?=@)/)
    .filter((item) => item !== '')
    .map((item) => {
      const [, tag = '', what = ''] = /^@(\w+)\s*(.*)$/s.exec(item) ?? [];
      const said = what.replace(/\s*\n\s*/g, ' ');
      if (tag !== 'param') return `- ${tag}: ${said}`;
      const [, parameter = '', about = ''] = /^(\S+)\s*(.*)$/s.exec(said) ?? [];
      return `- \`${parameter}\`: ${about}`;
    });
  return [body.join('\n').trim(), items.join('\n')].filter((part) => part !== '').join('\n\n');
}

function pageOf(door, entries) {
  const title = door === '.' ? 'ocilot' : `ocilot/${door.slice(2)}`;
  const sections = entries.map(
    ({ name, doc, code }) =>
      `## ${name}\n\n${[proseOf(doc), `\`\`\`ts\n${code.replace(/^export (?:declare )?/, '')}\n\`\`\``].filter((part) => part !== '').join('\n\n')}\n`,
  );
  const contents = entries.map(({ name }) => `[${name}](#${name.toLowerCase()})`).join(' · ');
  return `# \`${title}\`\n\nMade by \`npm run docs\` from the source; do not edit.\n\n${contents}\n\n${sections.join('\n')}`;
}

/** Every page by its file name. */
function pages() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const types = new Types();
  const made = new Map();
  for (const [door, conditions] of Object.entries(exports)) {
    const declared = conditions.types ?? conditions.import?.types;
    if (declared === undefined) continue;
    const entries = types.exportsOf(join(root, declared));
    const unique = [...new Map(entries.map((entry) => [entry.name, entry])).values()];
    made.set(`${door === '.' ? 'index' : door.slice(2).replaceAll('/', '-')}.md`, pageOf(door, unique));
  }
  return made;
}

const made = pages();
if (process.argv.includes('--check')) {
  const stale = [...made].filter(([name, text]) => {
    try {
      return readFileSync(join(OUT, name), 'utf8') !== text;
    } catch {
      return true;
    }
  });
  for (const [name] of stale) console.error(`docs/api/${name} is not up to date: run npm run docs`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  mkdirSync(OUT, { recursive: true });
  for (const name of readdirSync(OUT)) if (!made.has(name)) rmSync(join(OUT, name));
  for (const [name, text] of made) writeFileSync(join(OUT, name), text);
}
