import { createHash } from 'node:crypto';
import { html, raw } from 'hono/html';

/** A repository as the page shows it. */
export interface ShownRepository {
  readonly name: string;
  readonly tags: readonly string[];
  /** Where the other tags are, when there are more. */
  readonly more?: string;
}

/** What the page shows. All text is escaped, so it may be anything. */
export interface PageModel {
  /** Host that commands name, as `registry.example:5000`. */
  readonly host: string;
  readonly repositories: readonly ShownRepository[];
  /** Where the next repositories are. */
  readonly next?: string;
  /** Where the page starts: present behind the first one. */
  readonly home?: string;
  readonly user?: string;
  /** Where to sign in, when that would show more. */
  readonly signIn?: string;
}

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .3rem; }
ul { list-style: none; margin: 0; padding: 0; }
code { background: #8882; padding: .1rem .4rem; border-radius: .2rem; overflow-wrap: anywhere; user-select: all; }
:root { color-scheme: light dark; }
`;

/** Nothing is loaded, run, framed or sent from the page; its one style sheet is known by its hash. */
export const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

type Part = ReturnType<typeof html> | '';

const link = (href: string | undefined, text: string): Part =>
  href === undefined ? '' : html`<p><a href="${href}">${text}</a></p>`;

function repository(host: string, { name, tags, more }: ShownRepository): Part {
  return html`<section>
    <h2>${name}</h2>
    <ul>
      ${tags.map((tag) => html`<li><code>docker pull ${host}/${name}:${tag}</code></li>`)}
      ${tags.length === 0 ? html`<li>no tags</li>` : ''}
    </ul>
    ${link(more, 'more tags')}
  </section>`;
}

/** The page as HTML. */
export async function renderPage(model: PageModel): Promise<string> {
  const { host, repositories, user } = model;
  const page = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>Ocilot at ${host}</title>
        ${raw(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <h1>Ocilot at ${host}</h1>
        <p>
          A registry of container images and other OCI content. Any OCI client can use it; podman, nerdctl and
          crane take the same references as docker.
        </p>
        ${user === undefined ? '' : html`<p>Signed in as ${user}.</p>`} ${link(model.signIn, 'sign in')}
        ${link(model.home, 'first page')} ${repositories.map((shown) => repository(host, shown))}
        ${repositories.length === 0 ? html`<p>There is nothing here yet.</p>` : ''}
        ${link(model.next, 'more repositories')}
      </body>
    </html>`;
  return String(page);
}
