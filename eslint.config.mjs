// The rules of JupyterLab's own extensions, with types checked and `any` forbidden.
import js from '@eslint/js';
import jupyter from '@jupyter/eslint-plugin';
import prettier from 'eslint-config-prettier';
import react from 'eslint-plugin-react';
import hooks from 'eslint-plugin-react-hooks';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const checked = ['labextension/src/**/*.{ts,tsx}', 'labextension/tests/**/*.{ts,tsx}'];

export default defineConfig(
  {
    ignores: [
      'codemad_jupyter/**',
      'labextension/lib/**',
      'tests/**',
      'docs/**',
      'binder/**',
      'demo-work/**',
      'test-artifacts/**',
      '.*/**'
    ]
  },
  { plugins: { jupyter } },
  jupyter.configs.recommended,
  { files: ['*.mjs', 'labextension/style/*.js'], extends: [js.configs.recommended] },
  {
    files: checked,
    extends: [
      js.configs.recommended,
      tseslint.configs.strictTypeChecked,
      react.configs.flat.recommended,
      hooks.configs['recommended-latest']
    ],
    languageOptions: {
      parserOptions: { project: ['labextension/tsconfig.test.json'], tsconfigRootDir: import.meta.dirname }
    },
    settings: { react: { version: '18.2' } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/naming-convention': [
        'error',
        { selector: 'interface', format: ['PascalCase'], custom: { regex: '^I[A-Z]', match: true } }
      ],
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/no-namespace': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { args: 'none' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      'jupyter/prefer-lazy-imports': 'off', // the extension is one small bundle
      'react/prop-types': 'off',
      eqeqeq: 'error',
      'no-console': 'error',
      'prefer-arrow-callback': 'error'
    }
  },
  {
    files: ['labextension/tests/**'],
    rules: {
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off'
    }
  },
  {
    // Generated from the Python models, which name their values after the protocol.
    files: ['labextension/src/protocol.ts'],
    rules: {
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/naming-convention': 'off'
    }
  },
  prettier, // switches `curly` off, so it comes after
  { files: checked, rules: { curly: ['error', 'all'] } }
);
