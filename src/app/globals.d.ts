/** This project's version, put there by the build. */
declare const __VERSION__: string;
