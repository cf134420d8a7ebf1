import { compile } from './compile.mjs';
import { installIfNeeded } from './install.mjs';

installIfNeeded();
compile();
