// The rules of JupyterLab's own extensions, with types checked and `any` forbidden.
import js from '@eslint/js';
import jupyter from '@jupyter/eslint-plugin';
import prettier from 'eslint-config-prettier';
import react from 'eslint-plugin-react';
import hooks from 'eslint-plugin-react-hooks';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

export default defineConfig(
  {
    ignores: [
      'labextension/lib/**',
      'codemad_jupyter/**',
      '.venv/**',
      'demo-work/**',
      'docs/**',
      'binder/**',
      'tests/**',
      'test-artifacts/**'
    ]
  },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  { plugins: { jupyter } },
  jupyter.configs.recommended,
  {
    files: ['labextension/**/*.{ts,tsx}'],
    plugins: { react, 'react-hooks': hooks },
    languageOptions: {
      parserOptions: { project: ['labextension/tsconfig.test.json'], tsconfigRootDir: import.meta.dirname }
    },
    settings: { react: { version: '18.2' } },
    rules: {
      ...react.configs.flat.recommended.rules,
      ...hooks.configs.recommended.rules,
      '@typescript-eslint/naming-convention': [
        'error',
        { selector: 'interface', format: ['PascalCase'], custom: { regex: '^I[A-Z]', match: true } }
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/no-namespace': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { args: 'none' }],
      '@typescript-eslint/no-use-before-define': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      'jupyter/prefer-lazy-imports': 'off', // the extension is one small bundle
      'react/prop-types': 'off',
      curly: ['error', 'all'],
      eqeqeq: 'error',
      'no-console': 'error',
      'prefer-arrow-callback': 'error'
    }
  },
  {
    // Generated from the Python models, which name their values after the protocol.
    files: ['labextension/src/protocol.ts'],
    rules: { '@typescript-eslint/naming-convention': 'off' }
  },
  {
    files: ['**/*.{js,mjs}', 'vitest.config.mts'],
    extends: [tseslint.configs.disableTypeChecked]
  },
  prettier
);
