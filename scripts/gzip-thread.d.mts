/** The program of the thread that packs with gzip. */
export function gzipThread(): Promise<string>;
