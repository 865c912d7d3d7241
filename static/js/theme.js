// Runs before the first paint, so a dark page never flashes white. The choice is kept in this browser.
(() => {
  const root = document.documentElement
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const chosen = () => { try { return localStorage.getItem('theme') ?? 'auto' } catch { return 'auto' } }
  const apply = () => {
    const theme = chosen()
    root.dataset.bsTheme = theme === 'auto' ? (dark.matches ? 'dark' : 'light') : theme
    root.dataset.theme = theme
  }
  root.dataset.js = ''
  apply()
  dark.addEventListener('change', apply)
  addEventListener('theme', apply)
})()
