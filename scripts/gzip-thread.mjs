import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** The program of the thread that packs with gzip, in one text: a file beside the package would have to be found. */
export async function gzipThread() {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../image/gzip/thread-main.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'cjs',
    minify: true,
    legalComments: 'none',
    logLevel: 'warning',
    write: false,
  });
  return outputFiles[0].text;
}
