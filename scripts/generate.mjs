import { generateProto } from './generate-proto.mjs';

generateProto();
