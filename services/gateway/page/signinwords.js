// The texts of signing in by the provider of the organisation, Chinese first.

import { addWords } from "./words.js";

addWords({
  byProvider: ["用{name}登录", "Sign in with {name}"],
  subjectIs: ["您在统一身份认证中的标识：{subject}", " Your identifier at the provider: {subject}"],
  "refusedSignIn_provider-down": ["统一身份认证暂时无法访问。请稍后再试，或用账户名和密码登录。", "The provider does not answer. Try again later, or sign in with name and password."],
  "refusedSignIn_provider-wrong": ["统一身份认证的配置有误，请告知管理员。可用账户名和密码登录。", "The provider's configuration is wrong: tell the administrator. You can still sign in with name and password."],
  "refusedSignIn_state-mismatch": ["本次登录不是在这个浏览器里发起的，或已用过，或超过 10 分钟。请重新登录。", "This sign-in was not started in this browser, was already used, or took longer than 10 minutes. Start again."],
  "refusedSignIn_issuer-mismatch": ["登录结果来自另一个认证系统，未予接受。请告知管理员。", "The answer came from another provider and was not accepted. Tell the administrator."],
  "refusedSignIn_declined": ["统一身份认证未同意本次登录。", "The provider declined this sign-in."],
  "refusedSignIn_code-refused": ["统一身份认证不接受本次登录的凭码（已用过或已过期）。请重新登录。", "The provider did not accept the code of this sign-in: it was already used or has expired. Start again."],
  "refusedSignIn_token-invalid": ["统一身份认证给出的身份凭证无效，未予接受。请告知管理员。", "The provider's token is invalid and was not accepted. Tell the administrator."],
  "refusedSignIn_clock-skew": ["统一身份认证与本系统的时钟不一致。请告知管理员校准时间。", "The clocks of the provider and of this system differ. Tell the administrator."],
  "refusedSignIn_not-linked": ["您的身份尚未关联账户，请联系管理员。", "No account is linked to your identity: ask the administrator."],
  "refusedSignIn_account-locked": ["账户因连续输错密码被锁定，15 分钟后再试。", "The account is locked after wrong passwords: try again in 15 minutes."],
  "refusedSignIn_account-disabled": ["账户已停用，请联系管理员。", "The account is disabled: ask the administrator."],
  "refusedSignIn_too-many": ["登录请求过多，请稍后再试。", "Too many sign-ins at once: try again in a moment."],
  refusedSignIn_unavailable: ["系统暂时无法登录，请稍后再试。", "Sign-in is not available now: try again later."],
});
