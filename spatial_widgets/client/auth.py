"""The ways to sign in to a service; pass one as ``auth=``.

==============================================================  ===========================================================
``auth="…"``                                                    a token, or an API key
``auth=function``                                               a function that returns a token, asked again after a refusal
``auth=Token("…", referer=…, in_body=…)``                       a token with what it is bound to, or how it has to be sent
``auth=UserLogin("name", getpass.getpass)``                     a name and password; signs in and renews by itself
``auth=AppLogin("id", "secret", portal="https://…")``           an application's credentials (OAuth 2.0); renews by itself
``auth=requests.auth.AuthBase()``                               anything else: Kerberos, NTLM, a web login's password
==============================================================  ===========================================================
"""

from spatial_widgets.client.login import Login, Token, hidden
from spatial_widgets.client.logins import AppLogin, UserLogin

__all__ = ["AppLogin", "Login", "Token", "UserLogin", "hidden"]
