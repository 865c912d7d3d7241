// What static/js/fields.js needs of CodeMirror 6; build.mjs bundles it into static/vendor/codemirror.
export { EditorState, Compartment, Prec } from '@codemirror/state'
export { EditorView, keymap, Decoration, WidgetType, ViewPlugin, MatchDecorator, placeholder } from '@codemirror/view'
export { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
export { Language, LanguageSupport, defineLanguageFacet, syntaxHighlighting, HighlightStyle } from '@codemirror/language'
export { tags } from '@lezer/highlight'
export { parser as markdownParser, GFM } from '@lezer/markdown'
export { parser as jsonParser } from '@lezer/json'
