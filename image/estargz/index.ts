export { FOOTER_SIZE, parseFooter } from './footer.js';
export { TOC_DIGEST, TOC_NAME, type TocEntry } from './toc.js';
export { EstargzWriter, type EstargzFacts } from './write.js';
